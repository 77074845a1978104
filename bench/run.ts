import { messageOf, NormlabError } from '../src/core/errors.ts';
import { codeOf } from '../src/core/fileErrors.ts';
import { withInterrupts } from '../src/core/interrupt.ts';

/** Runs a benchmark as the program that it is: errors are one line, exit codes those of the command line. */
export async function runBenchmark(name: string, main: (signal: AbortSignal) => Promise<void>): Promise<void> {
  try {
    await withInterrupts(main);
  } catch (error) {
    const isOption = codeOf(error)?.startsWith('ERR_PARSE_ARGS') === true;
    if (!(error instanceof NormlabError) && !isOption) throw error;
    const advice = isOption ? `; the options stand at the top of bench/${name}.ts` : '';
    process.stderr.write(`bench ${name}: ${messageOf(error)}${advice}\n`);
    process.exitCode = error instanceof NormlabError ? error.exitCode : 2;
  }
}
