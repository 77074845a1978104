import { Option } from 'commander';
import { provenanceOf } from '../../convert/index.ts';
import { CheckFailedError, InputError } from '../../core/errors.ts';
import { formatSignificant, formatTable } from '../../core/format.ts';
import { createProgress } from '../../core/progress.ts';
import { type EngineName, engineNamed } from '../../engine/index.ts';
import {
  type ComputeDType,
  computeDTypes,
  type Group,
  inspectFolder,
  parseGroups,
  type Verification,
  type VerifiedTensor,
  verifyModel,
} from '../../models/index.ts';
import { type CommandModule, examples } from '../command.ts';
import { describeEngine, engineOption } from '../engine-option.ts';
import { parseNonNegative } from '../options.ts';

interface VerifyArguments {
  readonly against?: string;
  readonly dtype: ComputeDType;
  readonly engine: EngineName;
  readonly only?: string;
  readonly dump?: string;
  readonly tolerance?: number;
  readonly json?: true;
}

/** `normlab verify <model> --against <file>`: exit code 1 when something lies outside its tolerance. */
export const verifyCommand: CommandModule = {
  register(program, { stdout, stderr, signal }) {
    program
      .command('verify')
      .summary("compare a model's numbers with recorded ones")
      .description(
        "Computes a model's logits, loss, hidden states and gradients and compares them with what another implementation " +
          'recorded for the same tokens. Exit code 1 when one lies outside its tolerance. Of a converted model, whose hidden ' +
          'states and gradients are its own, the logits alone are compared unless --only asks for more.',
      )
      .argument('<model>', 'folder with config.json and the weights as safetensors')
      .option('--against <file>', 'safetensors file with input_ids and what was recorded for them')
      .addOption(
        new Option('--dtype <dtype>', 'float64: the definition; float32: the engine')
          .choices(computeDTypes)
          .default('float64'),
      )
      .addOption(engineOption())
      .option('--only <list>', 'compare only these: logits, loss, hidden_states, gradients')
      .option('--dump <file>', 'write the computed tensors to a safetensors file, under the recorded names')
      .option('--tolerance <x>', 'largest difference of logits and loss, instead of the default', parseNonNegative)
      .option('--json', 'print the result as JSON')
      .addHelpText(
        'after',
        examples(
          ['everything that is recorded, in float64', 'verify ./gpt2 --against ./gpt2/golden.safetensors'],
          [
            'only the logits, in the engine',
            'verify ./gpt2 --against golden.safetensors --dtype float32 --only logits',
          ],
          [
            'the same on the GPU; fails where a norm or a matrix product would not run there',
            'verify ./gpt2 --against golden.safetensors --dtype float32 --engine webgpu --only logits',
          ],
        ),
      )
      .action(async (folder: string, options: VerifyArguments) => {
        const { json, only, against, engine: engineName, ...rest } = options;
        // Not commander's requiredOption: that hides which option was misspelt.
        if (against === undefined)
          throw new InputError('verify: --against <file> is missing, the recording to compare with');
        const isConverted = only === undefined && provenanceOf((await inspectFolder(folder)).config) !== undefined;
        const groups: readonly Group[] = isConverted ? ['logits'] : only === undefined ? [] : parseGroups(only);
        if (engineName !== 'cpu' && rest.dtype !== 'float32') {
          throw new InputError(`verify: --engine ${engineName} computes in float32; add --dtype float32`);
        }
        const engine = rest.dtype === 'float32' ? await engineNamed(engineName) : undefined;
        const progress = stderr.isTTY ? createProgress({ stream: stderr }) : undefined;
        const onProgress = progress && ((line: string) => progress.update(line));
        const verification = await verifyModel(folder, {
          ...rest,
          engine,
          against,
          only: groups,
          signal,
          onProgress,
        }).finally(() => progress?.done({ clear: true }));
        stdout.write(
          `${json ? JSON.stringify({ model: folder, against, ...verification }, null, 2) : toTable(verification, isConverted)}\n`,
        );
        if (!verification.ok) throw new CheckFailedError(failure(folder, verification.tensors));
      });
  },
};

function toTable({ dtype, engine, tensors, ok }: Verification, isConverted: boolean): string {
  const table = formatTable(
    ['tensor', { header: 'max |Δ|', align: 'right' }, { header: 'allowed', align: 'right' }, 'within'],
    tensors.map(({ name, largest, bound, ok: within }) => [
      name,
      Number.isNaN(largest) ? 'NaN' : formatSignificant(largest, 3),
      formatSignificant(bound, 3),
      within ? 'yes' : 'NO',
    ]),
  );
  const agreement = ok ? [`In ${dtype} ${tensors.length} of ${tensors.length} tensors agree with the recording.`] : [];
  const where = engine === undefined || engine.name === 'cpu' ? [] : [describeEngine(engine)];
  const conversion = isConverted
    ? ['A converted model: its hidden states and gradients are its own, and only the logits were compared (--only).']
    : [];
  const notes = [...agreement, ...conversion, ...where];
  return notes.length === 0 ? table : `${table}\n\n${notes.join('\n')}`;
}

function failure(folder: string, tensors: readonly VerifiedTensor[]): string {
  const outside = tensors.filter(({ ok }) => !ok);
  const [first] = outside;
  const which = first === undefined ? '' : `, the first is ${first.name} by ${first.largest} (allowed ${first.bound})`;
  return `${folder}: ${outside.length} of ${tensors.length} tensors lie outside their tolerance${which}`;
}
