import type { OnnxInitializer, OnnxNode, OnnxTensor } from '../../../graph/index.ts';
import type { Decision } from '../decide.ts';
import type { GraphIndex } from '../graph.ts';
import { type FoundNorm, skipSum } from '../norms/index.ts';
import type { Operand, Treatment } from '../trace.ts';
import { sameTreatment } from '../trace.ts';
import { createBuilder } from './builder.ts';
import { keepLive, type WrittenNode } from './live.ts';
import { addNorm, formOf, type NormForm, type NormOps } from './normOps.ts';
import { raisedNode } from './opset.ts';

/** A constant of the source that is stored without its mean. */
export interface CentredTensor {
  readonly source: OnnxInitializer;
  readonly treatment: Treatment;
  /** Its name in the result: its own, or where others still read it as it was, that of a copy. */
  readonly name: string;
  /** Whether others do. */
  readonly isCopy: boolean;
}

/** A graph with its norms rewritten, said as changes to the source. */
export interface Rewriting {
  readonly nodes: readonly WrittenNode[];
  readonly centred: readonly CentredTensor[];
  readonly added: readonly OnnxTensor[];
  /** Initializers that nothing reads any more. */
  readonly removed: ReadonlySet<string>;
  /** What each norm was written as, by its index; kept norms are left out. */
  readonly forms: ReadonlyMap<number, NormForm>;
  /** What each converted norm reads now, by its index. */
  readonly inputs: ReadonlyMap<number, string>;
}

export interface RewriteRequest {
  readonly normOps: NormOps;
  /** The operator set of the result. */
  readonly opset: number;
}

/** Carries a decision out. */
export function rewriteGraph(index: GraphIndex, decision: Decision, request: RewriteRequest): Rewriting {
  const { graph } = index;
  const { treated } = decision;
  const builder = createBuilder(index, request.opset);
  const constants = centredConstants(index, decision, builder.name);
  const cutNames = new Map(
    decision.cuts.map((cut) => [cutKey(cut.value, cut.axis), builder.name(`${cut.value}_centred`)]),
  );
  const cutsOf = new Map<string, number[]>();
  for (const { value, axis } of decision.cuts) cutsOf.set(value, [...(cutsOf.get(value) ?? []), axis]);

  const converted = decision.norms.flatMap(({ norm, outcome }, i) => (outcome === 'kept' ? [] : [{ norm, i }]));
  const forms = new Map(converted.map(({ norm, i }) => [i, formOf(norm, request.normOps, request.opset)]));
  const replaced = new Map<number, { readonly norm: FoundNorm; readonly form: NormForm }>();
  const dropped = new Set<number>();
  /** What stands for a value whose node is gone. */
  const aliases = new Map<string, string>();
  const skips = new Map<number, FoundNorm>();

  const named = (value: string): string => {
    let at = value;
    for (let next = aliases.get(at); next !== undefined; next = aliases.get(at)) at = next;
    return at;
  };
  const inputOf = (norm: FoundNorm) =>
    treated.has(norm.input) ? norm.input : (cutNames.get(cutKey(norm.input, norm.axis)) ?? norm.input);

  for (const { norm, i } of converted) {
    const form = forms.get(i) ?? 'inPlace';
    if (norm.kind === 'skip') {
      for (const node of norm.readers) skips.set(node, norm);
    } else if (form === 'inPlace') {
      if (norm.centred !== undefined) aliases.set(norm.centred, inputOf(norm));
      for (const node of norm.readers) dropped.add(node);
    } else {
      const nodes = norm.fused?.nodes ?? [];
      for (const node of nodes) dropped.add(node);
      replaced.set(Math.max(...nodes), { norm, form });
    }
  }
  for (const { node, bypass, value } of treated.values()) {
    if (node === undefined || bypass === undefined) continue;
    dropped.add(node);
    aliases.set(value, index.node(node).inputs[bypass] ?? '');
  }

  const operandsOf = new Map<number, ReadonlyMap<number, Operand>>();
  for (const { node, operands, bypass } of treated.values()) {
    if (node === undefined || bypass !== undefined) continue;
    operandsOf.set(node, new Map(operands.map((operand) => [operand.input, operand])));
  }
  const inputName = (node: number, input: number, value: string): string => {
    const operand = operandsOf.get(node)?.get(input);
    if (operand === undefined) return named(value);
    if (operand.isConstant) return constants.nameOf(operand);
    if (treated.has(value)) return named(value);
    const { axis } = operand.treatment;
    return axis === null ? named(value) : (cutNames.get(cutKey(value, axis)) ?? named(value));
  };
  const addCuts = (value: string) => {
    for (const axis of cutsOf.get(value) ?? []) {
      const output = cutNames.get(cutKey(value, axis));
      const input = named(value);
      const mean = builder.mean(input, axis, value);
      builder.add({ opType: 'Sub', inputs: [input, mean], near: value, ...(output === undefined ? {} : { output }) });
    }
  };

  const nodes: WrittenNode[] = [];
  const flush = () => {
    for (const node of builder.take()) nodes.push({ added: node });
  };
  for (const value of cutsOf.keys()) if (index.producer(value) === undefined) addCuts(value);
  flush();
  for (const [i, node] of graph.nodes.entries()) {
    const whole = replaced.get(i);
    const skip = skips.get(i);
    if (whole?.norm.fused !== undefined) {
      addNorm(builder, index, named(inputOf(whole.norm)), whole.norm, whole.norm.fused, whole.form);
    } else if (skip !== undefined) {
      for (const added of skipNorm(node, skip, (input, value) => inputName(i, input, value), builder.name)) {
        nodes.push({ added });
      }
    } else if (dropped.has(i)) {
      // A name that is seen outside must stay.
      for (const value of node.outputs) {
        if (aliases.has(value) && (index.isOutput(value) || index.capturedBy(value).length > 0)) {
          builder.add({ opType: 'Identity', inputs: [named(value)], near: value, output: value });
        }
      }
    } else {
      const inputs = node.inputs.map((value, input) => (value === '' ? '' : inputName(i, input, value)));
      const isSame = inputs.every((value, input) => value === node.inputs[input]);
      const own = isSame ? node : { ...node, inputs };
      const raised = raisedNode(own, index.opset, request.opset, builder);
      nodes.push(raised === own ? { kept: i, ...(isSame ? {} : { inputs }) } : { added: raised });
    }
    flush();
    for (const value of node.outputs) if (value !== '') addCuts(value);
    flush();
  }
  const added = builder.constants();
  const live = keepLive(index, nodes);
  const read = constants.centred.filter(({ name }) => live.reads(name));
  return {
    nodes: live.nodes,
    centred: read,
    added: added.filter(({ name }) => live.reads(name)),
    removed: live.removed,
    forms,
    inputs: new Map(converted.map(({ norm, i }) => [i, named(inputOf(norm))])),
  };
}

const cutKey = (value: string, axis: number) => JSON.stringify([value, axis]);

/** The constants among the treated values' operands: one tensor for all reads that want the same of it. */
function centredConstants(index: GraphIndex, { treated }: Decision, freeName: (near: string) => string) {
  const operands = [...treated.values()].flatMap(({ operands: list }) => list.filter(({ isConstant }) => isConstant));
  const byValue = new Map<string, Operand[]>();
  for (const operand of operands) {
    const list = byValue.get(operand.value);
    if (list === undefined) byValue.set(operand.value, [operand]);
    else list.push(operand);
  }
  const centred = new Map<string, readonly CentredTensor[]>();
  for (const [value, uses] of byValue) {
    const source = index.constant(value);
    if (source === undefined) continue;
    const variants: Treatment[] = [];
    for (const { treatment } of uses) {
      if (!variants.some((variant) => sameTreatment(variant, treatment))) variants.push(treatment);
    }
    const isAlone =
      variants.length === 1 &&
      index.producer(value) === undefined &&
      uses.length === index.consumers(value).length &&
      index.capturedBy(value).length === 0 &&
      !index.isOutput(value);
    centred.set(
      value,
      variants.map((treatment) => {
        return { source, treatment, name: isAlone ? value : freeName(`${value}_centred`), isCopy: !isAlone };
      }),
    );
  }
  return {
    centred: [...centred.values()].flat(),
    nameOf(operand: Operand): string {
      const found = centred.get(operand.value)?.find(({ treatment }) => sameTreatment(treatment, operand.treatment));
      if (found === undefined) throw new Error(`onnx: ${operand.value} was not centred`);
      return found.name;
    },
  };
}

/** SkipLayerNormalization's sibling without the mean; its bias stays an addition. */
function skipNorm(
  node: OnnxNode,
  norm: FoundNorm,
  inputName: (input: number, value: string) => string,
  freeName: (near: string) => string,
): readonly OnnxNode[] {
  const [output = ''] = node.outputs;
  const { bias, weight = '', epsilon } = norm.fused ?? { bias: undefined, epsilon: 1e-12 };
  const mapped = (input: number) => inputName(input, node.inputs[input] ?? '');
  const sum = node.outputs[3] === skipSum(node) ? skipSum(node) : '';
  const given = [mapped(0), mapped(1), weight, ...(node.inputs[4] ? [mapped(4)] : [])];
  const normalized = bias === undefined ? output : freeName(output);
  const simplified: OnnxNode = {
    opType: 'SkipSimplifiedLayerNormalization',
    domain: 'com.microsoft',
    name: freeName(node.name ?? output),
    inputs: given,
    outputs: sum === '' ? [normalized] : [normalized, '', '', sum],
    attributes: { epsilon: { kind: 'float', value: epsilon } },
  };
  if (bias === undefined) return [simplified];
  return [simplified, { opType: 'Add', name: freeName(output), inputs: [normalized, bias], outputs: [output] }];
}
