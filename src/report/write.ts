import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomically, writeJsonAtomically } from '../core/files.ts';
import { renderHtml } from './html.ts';
import { renderMarkdown } from './markdown.ts';
import { parseResults, type StudyResults } from './results.ts';

/**
 * Writes `report.json`, `report.html`, `report.md` and `plots/*.svg` into `folder`, each file atomically, and makes the
 * folder where it is missing. Returns the paths written. Malformed results throw an `InputError` before anything is written.
 */
export async function writeReport(folder: string, results: StudyResults): Promise<readonly string[]> {
  const checked = parseResults(results);
  const { markdown, plots } = renderMarkdown(checked);
  const files = new Map([...plots, ['report.md', markdown], ['report.html', renderHtml(checked)]]);
  const written: string[] = [];
  for (const [name, content] of files) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomically(path, content);
    written.push(path);
  }
  const json = join(folder, 'report.json');
  await writeJsonAtomically(json, checked);
  return [...written, json];
}
