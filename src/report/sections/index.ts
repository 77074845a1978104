import { confidenceRules } from '../answer/confidence.ts';
import { type Answer, answer } from '../answer.ts';
import type { Block, ReportDocument, Section } from '../document.ts';
import { duration, significant } from '../format.ts';
import type { StudyResults } from '../results.ts';
import { conversionBlocks } from './conversion.ts';
import { evidenceBlocks } from './evidence.ts';
import { speedBlocks } from './speed.ts';
import { trainingBlocks } from './training.ts';

/** The report's content, in reading order: the answer, what it rests on, what it does not show, how to repeat it. */
export function composeDocument(results: StudyResults): ReportDocument {
  const answered = answer(results);
  return {
    title: 'LayerNorm or RMSNorm?',
    headline: answered.headline,
    summary: answered.summary,
    byline: `normlab ${results.normlabVersion}, profile “${results.profile}”, ${results.createdAt.slice(0, 10)}, ${results.machine.cpu}`,
    sections: [
      section('quality', 'Quality', answered.quality, trainingBlocks(results)),
      section('speed', 'Speed on this machine', answered.speed, speedBlocks(results)),
      section('conversion', 'Switching a trained model', answered.conversion, conversionBlocks(results)),
      section('literature', 'What others report', answered.evidence, evidenceBlocks(results)),
      limitsSection(answered),
      reproduceSection(results),
    ],
  };
}

function section(id: string, heading: string, sentences: readonly string[], blocks: readonly Block[]): Section {
  return { id, heading, blocks: [...prose(sentences), ...blocks] };
}

/** A short text is one paragraph; a long one has a paragraph for each sentence. */
function prose(sentences: readonly string[]): readonly Block[] {
  const text = sentences.join(' ');
  const paragraphs = text.length > 420 ? sentences : [text];
  return paragraphs.map((paragraph) => ({ kind: 'paragraph', content: [paragraph] }));
}

function limitsSection(answered: Answer): Section {
  return {
    id: 'limits',
    heading: 'What this does not show, and how sure it is',
    blocks: [
      { kind: 'list', items: answered.doesNotShow },
      { kind: 'paragraph', content: ['The confidence follows from these rules, the lowest that applies:'] },
      { kind: 'list', items: confidenceRules },
    ],
  };
}

function reproduceSection(results: StudyResults): Section {
  const { machine } = results;
  return {
    id: 'reproduce',
    heading: 'Run it again',
    blocks: [
      { kind: 'code', lines: results.commands },
      {
        kind: 'paragraph',
        content: [
          `It took ${duration(results.elapsedSeconds)} on ${machine.cpu} (${machine.cores} cores, ${significant(machine.memoryGiB)} GiB, ${machine.platform}) with Node ${machine.node} and ONNX Runtime ${machine.onnxruntime}. Every figure and table is drawn from `,
          { code: 'report.json' },
          ' beside this report.',
        ],
      },
    ],
  };
}
