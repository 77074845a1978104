import { explainFileError } from '../core/fileErrors.ts';
import { failure, run } from './run.ts';

process.on('uncaughtException', (error) => {
  const { message, exitCode } = failure(error);
  process.stderr.write(message);
  process.exit(exitCode);
});

for (const [name, stream] of [
  ['standard output', process.stdout],
  ['standard error', process.stderr],
] as const) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough (`normlab … | head`) is no error; what is still written goes nowhere.
    if (error.code !== 'EPIPE') throw explainFileError(error, name);
  });
}

// No process.exit: output that a pipe has not taken yet would be lost.
process.exitCode = await run(process.argv.slice(2), process);
