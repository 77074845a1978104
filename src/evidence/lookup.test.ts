import { describe, expect, test } from 'vitest';
import { InputError } from '../core/errors.ts';
import { evidenceBase, findModels, findPapers } from './index.ts';

const ids = (query: string) => findModels(query).map(({ id }) => id);

describe('findModels', () => {
  test.each([
    ['llama', ['llama-1', 'llama-2', 'llama-3', 'llama-4']],
    ['LLaMA 2', ['llama-2']],
    ['LLAMA-2', ['llama-2']],
    ['meta-llama/Llama-2-7b-hf', ['llama-2']],
    ['olmo-2', ['olmo-2']],
    ['OLMo 2', ['olmo-2']],
    ['gpt3', ['gpt-3']],
    ['GPT-3 175B', ['gpt-3']],
    ['qwen2.5', ['qwen-2.5']],
    ['Qwen/Qwen2.5-7B-Instruct', ['qwen-2.5']],
    ['deepseek-llm-7b-base', ['deepseek-llm']],
    ['google/gemma-2-9b-it', ['gemma-2']],
    ['pythia-1.4b', ['gpt-neox']],
    ['command r+', ['command-r']],
  ])('%s', (query, expected) => {
    expect(ids(query)).toEqual(expected);
  });

  test('the start of a name is enough', () => {
    expect(ids('starc')).toEqual(['starcoder', 'starcoder2']);
  });

  test('every record is found by its id and by its name', () => {
    for (const { id, name } of evidenceBase().models) {
      expect(ids(id)).toContain(id);
      expect(ids(name)).toContain(id);
    }
  });

  test.each([
    ['lama-2', 'llama-2'],
    ['qwenn', 'qwen'],
    ['deepsek', 'deepseek'],
  ])('%s suggests %s', (query, nearest) => {
    expect(() => findModels(query)).toThrow(InputError);
    expect(() => findModels(query)).toThrow(`Did you mean "${nearest}"?`);
  });

  test('what is like no name suggests none, and is printed as one line without control characters', () => {
    expect(() => findModels('constructor')).toThrow(/no model called "constructor" among the \d+ recorded$/);
    expect(() => findModels('\u001b[2J\n')).toThrow('no model called "\\u001b[2J\\n"');
    expect(() => findPapers('\u001b[2J')).toThrow('no paper called "\\u001b[2J"');
  });

  test.each(['', '   ', '///', '-'])('%j is no name', (query) => {
    expect(() => findModels(query)).toThrow(InputError);
    expect(() => findModels(query)).toThrow('expected the name of a model');
  });
});

describe('findPapers', () => {
  test.each([
    ['narang2021', 'narang2021'],
    ['arXiv:2102.11972', 'narang2021'],
    ['2102.11972', 'narang2021'],
    ['Zhang', 'zhang2019'],
    ['EleutherAI/gpt-neox#136', 'neox-pr-136'],
  ])('%s', (query, key) => {
    expect(findPapers(query).map(({ source }) => source.key)).toEqual([key]);
  });

  test('an unknown one is an error with a suggestion', () => {
    expect(() => findPapers('narrang2021')).toThrow('Did you mean "narang2021"?');
    expect(() => findPapers('')).toThrow(InputError);
  });
});
