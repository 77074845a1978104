import { type Corpus, loadSotu, loadTextFiles } from '../text/index.ts';

/** The text of a configuration: files, or the speeches that come with the package. */
export function loadCorpus(files: readonly string[] | null): Promise<Corpus> {
  return files === null ? loadSotu() : loadTextFiles(files);
}
