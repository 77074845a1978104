import { describe, expect, test } from 'vitest';
import { findAdapter, judge } from './adapter.ts';

const noAdapter = {
  message: {
    kind: 'failed' as const,
    message:
      'engine: ONNX Runtime refuses the model: /onnxruntime_src/…/webgpu_context.cc:136 …::<lambda()> adapter_result.status == ' +
      'wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters\n',
  },
  end: 'exit code 0',
};

/** What onnxruntime-node 1.30 and the Vulkan loaders of Debian's chromium wrote in these situations. */
const logs = {
  noLoader:
    "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file: No such file or directory\n    at operator() (/build/Release/_deps/dawn-src/src/dawn/native/vulkan/BackendVk.cpp:368)\n\n",
  noDriver:
    'Warning: vkCreateInstance: Found no drivers!\nWarning: vkCreateInstance failed with VK_ERROR_INCOMPATIBLE_DRIVER\n',
  noFile:
    'Warning: loader_get_json: Failed to open JSON file /nowhere.json\nWarning: vkCreateInstance: Found no drivers!\n',
  found:
    '[Vulkan Loader] DRIVER:            <Device>\n[Vulkan Loader] DRIVER:                Using "SwiftShader Device (Subzero)" with driver: "/usr/lib/chromium/libvk_swiftshader.so"\n',
};

describe('what a trial says', () => {
  test.each<[keyof typeof logs, string]>([
    ['noLoader', 'finds no adapter: there is no Vulkan loader (libvulkan.so.1). Install libvulkan1 and '],
    ['noDriver', 'finds no adapter: the Vulkan loader knows no driver. Install '],
    ['noFile', "finds no adapter: VK_DRIVER_FILES names /nowhere.json, which can't be opened. "],
    ['found', 'finds no adapter. Install '],
  ])('no adapter, %s', (log, reason) => {
    const search = judge({ ...noAdapter, log: logs[log] });
    expect(search).toMatchObject({ found: false, reason: expect.stringContaining(reason) });
    expect(search).toMatchObject({ reason: expect.stringMatching(/^[^\n]*apt-get install chromium[^\n]*$/) });
  });

  test('an adapter with its name', () => {
    const search = judge({ message: { kind: 'works' }, log: logs.found, end: 'exit code 0' });
    expect(search).toEqual({ found: true, name: 'SwiftShader Device (Subzero)' });
  });

  test('an adapter without a name', () => {
    expect(judge({ message: { kind: 'works' }, log: '', end: 'exit code 0' })).toEqual({ found: true, name: null });
  });

  test('a crash is told with what was said last', () => {
    const log = 'first\nfatal: out of everything\n';
    expect(judge({ message: undefined, log, end: 'SIGABRT' })).toEqual({
      found: false,
      reason:
        'crashes in the driver or in ONNX Runtime (SIGABRT) when it multiplies two matrices: fatal: out of everything',
    });
  });

  test('a driver that hangs', () => {
    expect(judge({ message: undefined, log: '', end: 'SIGKILL' })).toMatchObject({
      reason: expect.stringContaining('within 60 s'),
    });
  });

  test('another failure is told in one line', () => {
    const message = { kind: 'failed' as const, message: 'Device was lost\n  in a reset' };
    expect(judge({ message, log: '', end: 'exit code 0' })).toEqual({
      found: false,
      reason: 'fails: Device was lost in a reset',
    });
  });

  test('a platform without WebGPU', () => {
    expect(judge({ message: { kind: 'unsupported' }, log: '', end: 'exit code 0' })).toMatchObject({
      reason: expect.stringMatching(/^is not in onnxruntime-node for /),
    });
  });
});

test.runIf(process.platform === 'linux')(
  'without a driver there is no adapter, whether there is a GPU or not',
  async () => {
    const search = await findAdapter({ ...process.env, VK_DRIVER_FILES: '/nowhere.json' });
    expect(search).toMatchObject({ found: false, reason: expect.stringContaining('finds no adapter') });
  },
);

test('a child that dies before it can speak', async () => {
  const search = await findAdapter({ ...process.env, NODE_OPTIONS: '--require /nowhere/at-all.cjs' });
  expect(search).toMatchObject({
    found: false,
    reason: expect.stringMatching(/^crashes .* \(exit code 1\).*: Error: Cannot find module '\/nowhere\/at-all.cjs'$/),
  });
});
