// Plays the turn kit on this JavaScript engine (V8 in Node, JavaScriptCore in Bun): play.mjs CORE_WASM SESSIONS_FOLDER
// One line of JSON on standard output: README.md beside this file.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const IDLE_INSTANCES = 20;
const [modulePath, folder] = process.argv.slice(2);

class Core {
  constructor(module) {
    this.exports = new WebAssembly.Instance(module, {}).exports;
  }

  turn(request) {
    const { alloc, free, memory, turn } = this.exports;
    const start = alloc(request.length) >>> 0;
    new Uint8Array(memory.buffer).set(request, start);
    const packed = BigInt.asUintN(64, turn(start, request.length));
    const pointer = Number(packed >> 32n);
    const length = Number(packed & 0xffffffffn);
    // The memory may have grown: its buffer is another one then.
    const response = Buffer.from(new Uint8Array(memory.buffer, pointer, length));
    free(pointer, length);
    return response;
  }
}

// Instances, each a list of [request, response].
function read(name) {
  const data = readFileSync(join(folder, name));
  if (data.toString("latin1", 0, 8) !== "CWTURNS1") throw new Error(`${name} is no session`);
  const instances = [];
  let at = 8;
  const field = () => {
    const begin = at + 4;
    at = begin + data.readUInt32LE(at);
    return data.subarray(begin, at);
  };
  while (at < data.length) {
    const kind = data[at++];
    if (kind === 1) instances.push([]);
    else if (kind === 2) instances.at(-1).push([field(), field()]);
    else throw new Error(`${name}: byte ${at - 1} begins no record`);
  }
  return instances;
}

function milliseconds(work) {
  const begun = performance.now();
  const result = work();
  return [result, performance.now() - begun];
}

// Differences, turns, and the milliseconds spent in them.
function play(module, sessions) {
  const result = { differences: [], turns: 0, spent: 0 };
  for (const [name, instances] of sessions) {
    for (const [number, turns] of instances.entries()) {
      const core = new Core(module);
      for (const [index, [request, expected]] of turns.entries()) {
        const [response, spent] = milliseconds(() => core.turn(request));
        result.turns += 1;
        result.spent += spent;
        if (!response.equals(expected)) {
          result.differences.push(`${name}: instance ${number}, turn ${index}`);
          break;
        }
      }
    }
  }
  return result;
}

const names = readdirSync(folder).filter((name) => name.endsWith(".turns")).sort();
const sessions = names.map((name) => [name, read(name)]);
const wasm = readFileSync(modulePath);
const [module, compiling] = milliseconds(() => new WebAssembly.Module(wasm));
const [, instantiating] = milliseconds(() => new Core(module));
const before = process.memoryUsage().rss;
const opening = sessions[0][1][0][0][0];
const idle = Array.from({ length: IDLE_INSTANCES }, () => new Core(module));
idle.forEach((core) => core.turn(opening));
const memory = (process.memoryUsage().rss - before) / idle.length;
const first = play(module, sessions);
const second = play(module, sessions);
const version = process.versions.bun ? `Bun ${process.versions.bun}` : `V8 ${process.versions.v8}`;
console.log(
  JSON.stringify({
    version,
    compile_ms: compiling,
    cached_ms: null,
    instantiate_ms: instantiating,
    idle_bytes: Math.round(memory),
    sessions: sessions.length,
    turns: first.turns,
    turns_per_second: Math.round((second.turns / second.spent) * 1000),
    differences: first.differences.concat(second.differences),
  }),
);
