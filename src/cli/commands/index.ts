import type { CommandModule } from '../command.ts';
import { benchCommand } from './bench.ts';
import { certifyCommand } from './certify.ts';
import { compareCommand } from './compare.ts';
import { convertCommand } from './convert.ts';
import { evidenceCommand } from './evidence.ts';
import { generateCommand } from './generate.ts';
import { inspectCommand } from './inspect.ts';
import { modelsCommand } from './models.ts';
import { randomCommand } from './random.ts';
import { studyCommand } from './study.ts';
import { trainCommand } from './train.ts';
import { verifyCommand } from './verify.ts';

/** Every command, in the order of the help. */
export const commands: readonly CommandModule[] = [
  studyCommand,
  inspectCommand,
  modelsCommand,
  randomCommand,
  verifyCommand,
  convertCommand,
  certifyCommand,
  generateCommand,
  trainCommand,
  compareCommand,
  benchCommand,
  evidenceCommand,
];
