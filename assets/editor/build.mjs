// Builds the prompt editor into the app's static folder and records what it was built from:
// `npm ci && node build.mjs` here, or `make editor`. Installing the product needs neither.
import {createHash} from 'node:crypto';
import {readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build, version} from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, '../../apps/prompts/static/prompts');
const hash = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

await build({
    entryPoints: [join(here, 'src/main.js')], outfile: join(target, 'editor.js'),
    bundle: true, minify: true, format: 'iife', target: 'es2022', charset: 'utf8', legalComments: 'none',
});

const lock = JSON.parse(readFileSync(join(here, 'package-lock.json')));
const used = Object.entries(lock.packages).filter(([path, entry]) => path && !entry.dev).map(([path]) => path).sort();
const licences = used.map((path) => {
    const {name, version: number} = JSON.parse(readFileSync(join(here, path, 'package.json')));
    return `${name} ${number}\n\n${readFileSync(join(here, path, 'LICENSE'), 'utf8').trim()}\n`;
});
writeFileSync(join(target, 'editor.licences.txt'), licences.join(`\n${'-'.repeat(72)}\n\n`));

const sources = ['build.mjs', 'package.json', 'package-lock.json', ...readdirSync(join(here, 'src')).sort().map((name) => `src/${name}`)];
const record = {
    esbuild: version,
    built: {'editor.js': hash(join(target, 'editor.js')), 'editor.licences.txt': hash(join(target, 'editor.licences.txt'))},
    sources: Object.fromEntries(sources.map((name) => [name, hash(join(here, name))])),
};
writeFileSync(join(here, 'build.json'), `${JSON.stringify(record, null, 2)}\n`);
