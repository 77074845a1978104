import { RefusalError } from '../../../core/errors.ts';
import { opset as defaultOpset } from '../../../graph/index.ts';
import { type DecoderSpec, normlabConfig } from '../../../models/index.ts';
import { checkFoldedBiases } from '../../rewrites.ts';
import { conversionPlan } from '../../rules/plan.ts';
import { copyCompanions } from '../../write/companions.ts';
import { type Config, copiedKeys, dtypeKeys, provenanceKeys, tokenIdKeys, writeConfig } from '../../write/config.ts';
import { outputLayout, untiedStorage } from '../../write/layout.ts';
import type { Format, FormatRequest, OutputRequest } from '../format.ts';
import { dataFiles, exportStorage, inExportFiles } from './layout.ts';
import { openExport } from './read.ts';
import { runExport } from './run.ts';
import { writeExport } from './write.ts';

/**
 * A graph with a key-value cache, which ONNX Runtime, Optimum and transformers.js run: `onnx/model.onnx` beside the source's
 * `config.json` and tokenizer. Its norms have no weights: they are in the linears that read through them.
 */
export const onnx: Format<'onnx'> = {
  id: 'onnx',
  meaning: 'a graph for ONNX Runtime and transformers.js',
  targets: ['rmsnorm', 'crmsnorm'],
  otherTargets: 'it holds them all',
  obstacle({ model, dtype }) {
    const { positions } = model.spec;
    if (dtype === 'float64') return 'computes in float32; choose --dtype float32, or --format normlab for float64';
    if (positions.kind === 'rotary' && dependsOnLength(positions.scaling?.kind)) {
      return `has one set of angles, and positions.scaling ${positions.scaling?.kind} has others for longer sequences; use --format normlab`;
    }
    return undefined;
  },
  plan({ model, target, rewrites }) {
    checkFoldedBiases(model);
    return conversionPlan(model.spec, target, { ...rewrites, fold: true });
  },
  async output(request) {
    const { model, plan, dtype } = request;
    const { spec, rules } = plan;
    const sourceStorage = untiedStorage(model);
    const layout = outputLayout(model, { rules, storage: exportStorage(spec), dtype, sourceStorage });
    const wide = layout.find((tensor) => tensor.dtype === 'float64');
    if (wide !== undefined) {
      throw new RefusalError(
        `${model.folder}: format onnx computes in float32, and the source’s ${wide.rule.name} is float64; choose --dtype float32`,
      );
    }
    const tensors = inExportFiles(layout);
    const decoder = {
      spec,
      positionIds: takesPositionIds(model.config, spec),
      context: spec.maxPositions ?? unlimitedContext,
      opset: request.opset ?? defaultOpset,
    };
    const source = { checkpoint: model.checkpoint, storage: sourceStorage };
    return {
      tensors,
      writeWeights: (folder, options) => writeExport(folder, decoder, { tensors, source }, options),
      async writeRest(folder, { sha256 }) {
        const [onlyDType, ...moreDTypes] = new Set(tensors.map((tensor) => tensor.dtype));
        const config = exportConfig(request, {
          files: dataFiles(tensors),
          provenance: provenanceKeys({ ...request, rewrites: { ...request.rewrites, fold: true } }, sha256),
          dtypes: dtypeKeys(model.config, moreDTypes.length === 0 ? onlyDType : undefined),
        });
        await writeConfig(model.folder, folder, config);
        return { copied: await copyCompanions(model.folder, folder), notes: notesOn(model) };
      },
    };
  },
  open: openExport,
  run: runExport,
};

/** Positions for which tables are made where the architecture has no limit. */
const unlimitedContext = 2 ** 15;

function dependsOnLength(scaling: string | undefined): boolean {
  return scaling === 'dynamic' || scaling === 'doubling' || scaling === 'longrope';
}

/** The types of model whose exports by Optimum have an input `position_ids`; in all others they are counted by the mask. */
const withPositionIds: ReadonlySet<unknown> = new Set([
  'codegen',
  'cohere',
  'deepseek_v3',
  'falcon',
  'gpt2',
  'gpt_bigcode',
  'gpt_neo',
  'gpt_neox',
  'gptj',
  'granite',
  'llama',
  'mistral',
  'olmo',
  'opt',
  'phi',
  'phi3',
  'qwen2',
  'qwen3',
  'qwen3_moe',
  'stablelm',
]);

function takesPositionIds({ model_type }: Config, { positions }: DecoderSpec): boolean {
  return withPositionIds.has(model_type) && positions.kind !== 'alibi';
}

interface ConfigFacts {
  /** How many files lie beside the model. */
  readonly files: number;
  readonly provenance: Config;
  readonly dtypes: Config;
}

function exportConfig({ model, plan }: OutputRequest, { files, provenance, dtypes }: ConfigFacts): Config {
  const own = {
    ...(files === 0 ? {} : { 'transformers.js_config': { use_external_data_format: { 'model.onnx': files } } }),
    normlab: provenance,
  };
  if (model.family.id === 'normlab')
    return normlabConfig(plan.spec, { ...copiedKeys(model.config, tokenIdKeys), ...own });
  const untied = model.spec.tiedHead && !plan.spec.tiedHead;
  // transformers.js goes by the key alone, which the class ignores there.
  const ignored = model.config.new_decoder_architecture === true ? { multi_query: false } : {};
  return { ...model.config, ...ignored, ...(untied ? { tie_word_embeddings: false } : {}), ...dtypes, ...own };
}

function notesOn({ config, family }: FormatRequest['model'] & { readonly config: Config }): readonly string[] {
  if (family.id === 'normlab') {
    return ['Optimum and transformers.js know no model_type normlab: run onnx/model.onnx with ONNX Runtime itself.'];
  }
  if (config.multi_query !== true || config.new_decoder_architecture === true) return [];
  return [
    'transformers.js takes the cache of a multi_query model as one tensor, which Optimum no longer writes, nor does this: run it with Optimum or ONNX Runtime.',
  ];
}
