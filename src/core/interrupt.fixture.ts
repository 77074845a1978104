import { setTimeout } from 'node:timers/promises';
import { NormlabError } from './errors.ts';
import { withInterrupts } from './interrupt.ts';

// Work that stops when told to, or (`stubborn`) doesn't. Reports on stdout what happens.
const stubborn = process.argv[2] === 'stubborn';
try {
  await withInterrupts(
    async (signal) => {
      console.log('working');
      await setTimeout(20000, undefined, stubborn ? {} : { signal });
    },
    { onInterrupt: (name) => console.log(`stopping for ${name}`) },
  );
} catch (error) {
  if (!(error instanceof NormlabError)) throw error;
  console.log(error.message);
  process.exitCode = error.exitCode;
}
