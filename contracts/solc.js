#!/usr/bin/env node
// Lets forge, which wants a native solc, use the one of npm: standard JSON in, standard JSON out.
'use strict';
const fs = require('fs');
const path = require('path');
const solc = require('solc');

const args = process.argv.slice(2);
if (args.includes('--version')) {
  console.log('solc, the solidity compiler commandline interface\nVersion: ' + solc.version());
  process.exit(0);
}
const at = args.indexOf('--base-path');
const base = at < 0 ? '.' : args[at + 1];

function find(name) {
  for (const file of [name, path.join(base, name)]) {
    if (fs.existsSync(file)) return { contents: fs.readFileSync(file, 'utf8') };
  }
  return { error: 'no such file: ' + name };
}

let out = Buffer.from(solc.compile(fs.readFileSync(0, 'utf8'), { import: find }));
while (out.length > 0) out = out.subarray(fs.writeSync(1, out));
