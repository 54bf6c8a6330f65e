// validate.js DIR: see validate.sh.
const fs = require('fs');
const path = require('path');
const validator = require('gltf-validator');

async function main(dir) {
  const files = fs.readdirSync(dir).filter((name) => name.endsWith('.glb')).sort();
  let errors = 0;
  for (const name of files) {
    const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(path.join(dir, name))), { uri: name });
    for (const m of report.issues.messages.filter((m) => m.severity === 0)) {
      console.log(`${name}: ${m.code} at ${m.pointer || m.offset}: ${m.message}`);
      errors++;
    }
  }
  console.log(`${files.length} files, ${errors} errors`);
  process.exit(errors > 0 || files.length === 0 ? 1 : 0);
}

main(process.argv[2]);
