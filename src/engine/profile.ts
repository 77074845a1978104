import { z } from 'zod';

/** Where a session's time went, from the engine's own clock; every list is sorted by time, longest first. */
export interface ProfileSummary {
  /** How often the model ran. */
  readonly runs: number;
  /** Sum over the runs, in milliseconds. */
  readonly totalMs: number;
  /** Per operator type and the provider that computed it. */
  readonly ops: readonly ProfileEntry[];
  readonly nodes: readonly NodeProfile[];
  /** Milliseconds in nodes, by provider (`CPUExecutionProvider`, …). */
  readonly providers: Readonly<Record<string, number>>;
  /** Whether the engine's buffer (a million events) filled up, so that later runs are missing. */
  readonly truncated: boolean;
}

export interface ProfileEntry {
  readonly opType: string;
  readonly provider: string;
  readonly calls: number;
  /** Sum over the calls, in milliseconds; the engine measures whole microseconds. */
  readonly totalMs: number;
  /** The fastest call, in milliseconds. */
  readonly minMs: number;
}

export interface NodeProfile extends ProfileEntry {
  /** The node's name; operators that the engine fused have names of its own. */
  readonly name: string;
  /** Whether an input of it holds floating-point numbers. */
  readonly readsFloats: boolean;
  /** How many results it writes: optional ones that nothing uses are not among them. */
  readonly outputs: number;
}

const maxEvents = 1_000_000;

/** An object for each tensor, which has the element type as its one key: `{"float": [2, 3]}`. */
const typesSchema = z.array(z.record(z.string(), z.unknown())).optional();

const eventSchema = z.object({
  cat: z.string().optional(),
  name: z.string().optional(),
  dur: z.number().optional(),
  args: z
    .object({
      op_name: z.string().optional(),
      provider: z.string().optional(),
      input_type_shape: typesSchema,
      output_type_shape: typesSchema,
    })
    .optional(),
});

/** Sums up the events of ONNX Runtime's profile (Chrome's trace format, durations in microseconds). */
export function summarizeProfile(json: string): ProfileSummary {
  const events = z.array(eventSchema).parse(JSON.parse(json));
  const runs = events.filter((event) => event.cat === 'Session' && event.name === 'model_run');
  const nodes = events.flatMap(kernelTime);
  const providers: Record<string, number> = {};
  for (const node of nodes) providers[node.provider] = (providers[node.provider] ?? 0) + node.totalMs;
  return {
    runs: runs.length,
    totalMs: runs.reduce((sum, run) => sum + (run.dur ?? 0) / 1000, 0),
    ops: merge(nodes, (node) => `${node.opType} ${node.provider}`).map(
      ({ name: _, readsFloats: __, outputs: ___, ...entry }) => entry,
    ),
    nodes: merge(nodes, (node) => node.name),
    providers,
    truncated: events.length >= maxEvents,
  };
}

const kernelSuffix = '_kernel_time';

function kernelTime(event: z.infer<typeof eventSchema>): NodeProfile[] {
  if (event.cat !== 'Node' || !event.name?.endsWith(kernelSuffix)) return [];
  const ms = (event.dur ?? 0) / 1000;
  const name = event.name.slice(0, -kernelSuffix.length);
  const { op_name: opType = '', provider = '', input_type_shape = [], output_type_shape = [] } = event.args ?? {};
  const readsFloats = input_type_shape.some((types) => Object.keys(types).some(isFloatType));
  return [{ name, opType, provider, readsFloats, outputs: output_type_shape.length, calls: 1, totalMs: ms, minMs: ms }];
}

/** Whether ONNX Runtime's name of an element type is that of a floating-point one. */
function isFloatType(type: string): boolean {
  return type === 'double' || type.includes('float');
}

function merge(nodes: readonly NodeProfile[], keyOf: (node: NodeProfile) => string): NodeProfile[] {
  const merged = new Map<string, NodeProfile>();
  for (const node of nodes) {
    const key = keyOf(node);
    const before = merged.get(key);
    merged.set(
      key,
      before === undefined
        ? node
        : {
            ...before,
            calls: before.calls + node.calls,
            totalMs: before.totalMs + node.totalMs,
            minMs: Math.min(before.minMs, node.minMs),
          },
    );
  }
  return [...merged.values()].sort((a, b) => b.totalMs - a.totalMs);
}
