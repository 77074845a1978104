import type { FloatDType } from '../../core/dtype.ts';
import type { Storage } from '../../models/index.ts';
import { copyCompanions } from '../write/companions.ts';
import { type Config, provenanceKeys, writeConfig } from '../write/config.ts';
import { outputLayout, untiedStorage } from '../write/layout.ts';
import { writeWeights } from '../write/weights.ts';
import type { FormatOutput, OutputRequest } from './format.ts';

export interface FolderOptions {
  /** Where each parameter of the converted decoder is stored. */
  readonly storage: Storage;
  readonly config: (request: OutputRequest, facts: ConfigFacts) => Config;
}

export interface ConfigFacts {
  /** What the key `normlab` says of where the model is from. */
  readonly provenance: Config;
  /** The element type of all written tensors; undefined where they have several. */
  readonly onlyDType: FloatDType | undefined;
}

/** A folder as Hugging Face's: `config.json`, as many safetensors files as the source has, and its tokenizer's files. */
export function safetensorsOutput(request: OutputRequest, { storage, config }: FolderOptions): FormatOutput {
  const { model, plan, dtype } = request;
  const sourceStorage = untiedStorage(model);
  const tensors = outputLayout(model, { rules: plan.rules, storage, dtype, sourceStorage });
  return {
    tensors,
    writeWeights: (folder, options) =>
      writeWeights(folder, tensors, { checkpoint: model.checkpoint, storage: sourceStorage }, options),
    async writeRest(folder, source) {
      const [onlyDType, ...moreDTypes] = new Set(tensors.map((tensor) => tensor.dtype));
      const written = config(request, {
        provenance: provenanceKeys(request, source.sha256),
        onlyDType: moreDTypes.length === 0 ? onlyDType : undefined,
      });
      await writeConfig(model.folder, folder, written);
      return { copied: await copyCompanions(model.folder, folder), notes: [] };
    },
  };
}
