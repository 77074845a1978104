import { confidenceRules } from '../answer/confidence.ts';
import { modelConfidenceRules } from '../answer/model.ts';
import { type Answer, answer } from '../answer.ts';
import type { Block, ReportDocument, Section } from '../document.ts';
import { duration, significant } from '../format.ts';
import type { StudyResults } from '../results.ts';
import { conversionBlocks } from './conversion.ts';
import { evidenceBlocks } from './evidence.ts';
import { modelSections } from './model.ts';
import { prose } from './prose.ts';
import { speedBlocks } from './speed.ts';
import { trainingBlocks } from './training.ts';

/** The report's content, in reading order: the answer, what it rests on, what it does not show, how to repeat it. */
export function composeDocument(results: StudyResults): ReportDocument {
  const answered = answer(results);
  const { model } = results;
  return {
    title: model === null ? 'LayerNorm or RMSNorm?' : `LayerNorm or RMSNorm, for ${model.name}?`,
    headline: answered.headline,
    summary: answered.summary,
    byline: `normlab ${results.normlabVersion}, profile “${results.profile}”, ${results.createdAt.slice(0, 10)}, ${results.machine.cpu}`,
    sections: [
      ...(model === null || answered.model === null ? [] : modelSections(model, answered.model)),
      ...generalSections(results, answered),
      section('literature', 'What others report', answered.evidence, evidenceBlocks(results)),
      limitsSection(answered),
      reproduceSection(results),
    ],
  };
}

/** What is measured of models in general. In a study of one model, parts that were not asked for have no section. */
function generalSections(results: StudyResults, answered: Answer): readonly Section[] {
  const isShown = (part: 'training' | 'speed' | 'conversions') => results.model === null || results[part] !== null;
  return [
    ...(isShown('training') ? [section('quality', 'Quality', answered.quality, trainingBlocks(results))] : []),
    ...(isShown('speed') ? [section('speed', 'Speed on this machine', answered.speed, speedBlocks(results))] : []),
    ...(isShown('conversions')
      ? [section('conversion', 'Switching a trained model', answered.conversion, conversionBlocks(results))]
      : []),
  ];
}

function section(id: string, heading: string, sentences: readonly string[], blocks: readonly Block[]): Section {
  return { id, heading, blocks: [...prose(sentences), ...blocks] };
}

function limitsSection(answered: Answer): Section {
  const { model, verdict } = answered;
  const rules = [
    ...(model === null ? [] : modelConfidenceRules),
    ...(model !== null && verdict === 'not-measured' ? [] : confidenceRules),
  ];
  return {
    id: 'limits',
    heading: 'What this does not show, and how sure it is',
    blocks: [
      { kind: 'list', items: answered.doesNotShow },
      { kind: 'paragraph', content: ['The confidence follows from these rules, the lowest that applies:'] },
      { kind: 'list', items: rules },
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
