import { Worker } from 'node:worker_threads';
import { InputError } from './errors.ts';

/** Threads that work on tasks, each thread on its own tasks in their order. */
export interface WorkerPool<Task, Result> {
  readonly size: number;
  /** Gives a task to a thread, by its number from 0 to size − 1. Rejects with what the task throws there. */
  run(worker: number, task: Task): Promise<Result>;
  /** Ends the threads, whatever they are at. Tasks that are not done reject. */
  close(): Promise<void>;
}

/** What a thread sends for each task, in their order. */
export type WorkerReply<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  /** An InputError, whose class no message keeps. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Whether the sources are run as they are, which tsx does in development. */
const runsFromSource = import.meta.url.endsWith('.ts');

/** Threads of Node 20 take no loader from the process: theirs has to be asked for before the first module of TypeScript. */
function throughTsx(url: URL): string {
  const module = JSON.stringify(url.href.replace(/\.js$/, '.ts'));
  return `import('tsx/esm/api').then(({ register }) => { register(); return import(${module}); });`;
}

interface Pending<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Starts threads that run the module `url` with `data` and answer its tasks with `WorkerReply`s. */
export function startWorkers<Task, Result>(url: URL, data: unknown, size: number): WorkerPool<Task, Result> {
  const workers = Array.from({ length: size }, () => startWorker<Task, Result>(url, data));
  return {
    size,
    async run(number, task) {
      const worker = workers[number];
      if (worker === undefined) throw new RangeError(`core/workers: there is no worker ${number} of ${size}`);
      return worker.run(task);
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}

function startWorker<Task, Result>(url: URL, data: unknown) {
  const worker = runsFromSource
    ? new Worker(throughTsx(url), { workerData: data, eval: true })
    : new Worker(url, { workerData: data });
  const waiting: Pending<Result>[] = [];
  let ended: unknown;
  const end = (error: unknown) => {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  worker.on('message', (reply: WorkerReply<Result>) => {
    const task = waiting.shift();
    if (reply.kind === 'done') task?.resolve(reply.result);
    else task?.reject(reply.kind === 'refused' ? new InputError(reply.message) : reply.error);
  });
  worker.on('error', end);
  worker.on('exit', (code) => end(new Error(`core/workers: a thread ended (exit code ${code})`)));
  return {
    run: (task: Task) =>
      new Promise<Result>((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        waiting.push({ resolve, reject });
        worker.postMessage(task);
      }),
    close: () => worker.terminate(),
  };
}
