import { exitCodes } from '../core/errors.ts';
import { run, stackOf } from './run.ts';

process.on('uncaughtException', (error) => {
  process.stderr.write(`normlab: this is a bug in normlab, please report it:\n${stackOf(error)}\n`);
  process.exit(exitCodes.bug);
});

// A reader that has seen enough (`normlab … | head`) is no error; what is still written goes nowhere.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

// No process.exit: output that a pipe has not taken yet would be lost.
process.exitCode = await run(process.argv.slice(2), process);
