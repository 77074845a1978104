import { InputError } from '../../core/errors.ts';
import { formatTable } from '../../core/format.ts';
import { quote } from '../../core/quote.ts';
import { didYouMean } from '../../core/suggest.ts';
import { countParameters, type DecoderSpec, kindOf, type Preset, presetSpec, presets } from '../../models/index.ts';
import { type CommandModule, examples } from '../command.ts';
import { fitCells, wrapText } from '../fit.ts';
import { formatParameters } from '../parameters.ts';

interface ModelsArguments {
  readonly family?: string;
  readonly json?: true;
}

/** `normlab models`: the presets, a line each. */
export const modelsCommand: CommandModule = {
  register(program, { stdout }) {
    program
      .command('models')
      .summary('the published sizes that normlab knows by name')
      .description(
        'Lists the presets: published sizes of language models, with their norm and where it sits. A preset’s name stands ' +
          'for its shape; its weights are its makers’.',
      )
      .option('--family <family>', 'only this family: a config’s model_type, or how names begin')
      .option('--json', 'print the presets as JSON, with their configs and sources')
      .addHelpText(
        'after',
        examples(
          ['all presets', 'models'],
          ['one family', 'models --family pythia'],
          ['what one of them looks like', 'inspect pythia-1.4b'],
        ),
      )
      .action(({ family, json }: ModelsArguments) => {
        const rows = listed(family).map((preset) => ({ preset, spec: presetSpec(preset) }));
        stdout.write(`${json ? JSON.stringify(rows.map(toRecord), null, 2) : toText(rows, stdout.columns)}\n`);
      });
  },
};

interface Row {
  readonly preset: Preset;
  readonly spec: DecoderSpec;
}

function listed(family: string | undefined): readonly Preset[] {
  if (family === undefined) return presets;
  const wanted = family.toLowerCase();
  const found = presets.filter((preset) => familyName(preset) === wanted || preset.id.startsWith(`${wanted}-`));
  if (found.length > 0) return found;
  const names = [...new Set(presets.map(familyName))];
  throw new InputError(
    `models: no preset is of a family ${quote(family)}${didYouMean(family, names)}; families: ${names.join(', ')}`,
  );
}

/** The `model_type` of its config. */
function familyName({ config }: Preset): string {
  return String(config.model_type);
}

function toText(rows: readonly Row[], columns: number | undefined): string {
  const headers = ['preset', 'params', 'layers', 'width', 'norm', 'placement', 'also', 'family'];
  const cells = rows.map(({ preset, spec }) => [
    preset.id,
    formatParameters(countParameters(spec)),
    String(spec.numLayers),
    String(spec.hiddenSize),
    kindOf(spec.norm).name,
    placementOf(spec),
    alsoOf(spec).join(', ') || '–',
    familyName(preset),
  ]);
  const rightAligned = new Set(['params', 'layers', 'width']);
  const table = formatTable(
    headers.map((header) => ({ header, align: rightAligned.has(header) ? 'right' : 'left' })),
    fitCells(headers, cells, columns),
  );
  const note = `${rows.length} presets. normlab inspect <preset> describes one, with its source; normlab evidence says why its makers chose its norm.`;
  return `${table}\n\n${wrapText(note, columns)}`;
}

function placementOf({ placement, parallel }: DecoderSpec): string {
  return parallel === undefined ? placement : `${placement}, parallel`;
}

/** Norms elsewhere than around the branches. */
function alsoOf({ attention, embeddingNorm }: DecoderSpec): readonly string[] {
  return [...(attention.qkNorm === null ? [] : ['QK-norm']), ...(embeddingNorm === undefined ? [] : ['on embeddings'])];
}

function toRecord({ preset, spec }: Row) {
  const { id, name, published, source, note, config } = preset;
  return {
    id,
    name,
    family: familyName(preset),
    parameters: countParameters(spec),
    published,
    source,
    note: note ?? null,
    numLayers: spec.numLayers,
    hiddenSize: spec.hiddenSize,
    norm: spec.norm,
    placement: spec.placement,
    parallel: spec.parallel ?? null,
    finalNorm: spec.finalNorm,
    embeddingNorm: spec.embeddingNorm ?? null,
    qkNorm: spec.attention.qkNorm,
    config,
  };
}
