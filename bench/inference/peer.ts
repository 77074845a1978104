import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { InputError } from '../../src/core/errors.ts';

/** One measurement: a prompt fed at once, then tokens one by one. */
export interface Round {
  readonly prefillSeconds: number;
  readonly decodeSeconds: number;
  /** The likeliest next id after the prompt, and after each token. */
  readonly likeliest: readonly number[];
  /** The most memory that the process has had resident so far. */
  readonly peakBytes: number;
}

/** A process that holds one implementation with its model. */
export interface Peer {
  readonly name: string;
  /** What computes, with its version. */
  readonly description: string;
  /** The logits after the last of these ids. */
  logits(ids: readonly number[]): Promise<readonly number[]>;
  /** The ids of a text, without any that begin it; llama.cpp alone answers that. */
  tokenize(text: string): Promise<readonly number[]>;
  round(prompt: readonly number[], tokens: readonly number[]): Promise<Round>;
  close(): void;
}

export interface PeerCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
}

/**
 * Starts a process that answers each line of JSON on its standard input by one on its standard output: first what it is,
 * then `{"logits": ids}`, `{"text": text}` and `{"prompt": ids, "tokens": ids}`. Throws InputError with what it said last when it ends.
 */
export async function startPeer({ name, command, args, cwd }: PeerCommand): Promise<Peer> {
  const child = spawn(command, args, { ...(cwd === undefined ? {} : { cwd }), stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (data: Buffer) => {
    said = (said + data.toString()).slice(-2000);
  });
  const answers = createAnswers(
    child,
    () => `${name} ended; it said: ${said.trim().split('\n').slice(-3).join(' | ')}`,
  );
  const ask = async (question: unknown): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    return JSON.parse(await answers.next());
  };
  const first: { readonly description: string } = JSON.parse(await answers.next());
  return {
    name,
    description: first.description,
    logits: (ids) => ask({ logits: ids }).then(parseLogits),
    tokenize: (text) => ask({ text }).then((answer) => numbers(isRecord(answer) ? answer.ids : undefined)),
    round: (prompt, tokens) => ask({ prompt, tokens }).then(parseRound),
    close: () => child.stdin.end(),
  };
}

function createAnswers(child: ChildProcess & { readonly stdout: NodeJS.ReadableStream }, failure: () => string) {
  const lines: string[] = [];
  const waiting: { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void }[] = [];
  let ended: Error | undefined;
  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    // What libraries print for people is no answer.
    if (!line.startsWith('{')) return;
    const first = waiting.shift();
    if (first === undefined) lines.push(line);
    else first.resolve(line);
  });
  child.once('error', (error) => end(new InputError(`bench: ${error.message}`)));
  child.once('close', () => end(new InputError(`bench: ${failure()}`)));
  child.stdin?.on('error', () => {});
  return {
    async next(): Promise<string> {
      const line = lines.shift();
      if (line !== undefined) return line;
      if (ended !== undefined) throw ended;
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function numbers(value: unknown): readonly number[] {
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'number')) return value;
  throw new Error('bench: a peer answered no list of numbers');
}

function parseLogits(answer: unknown): readonly number[] {
  return numbers(isRecord(answer) ? answer.logits : undefined);
}

function parseRound(answer: unknown): Round {
  const { prefillSeconds, decodeSeconds, likeliest, peakBytes } = isRecord(answer) ? answer : {};
  const [prefill = 0, decode = 0, peak = 0] = numbers([prefillSeconds, decodeSeconds, peakBytes]);
  return { prefillSeconds: prefill, decodeSeconds: decode, likeliest: numbers(likeliest), peakBytes: peak };
}
