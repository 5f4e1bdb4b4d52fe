/*
 * What a benchmark found: a line of JSON for each metric as soon as it is known, and at the end
 * build/bench/NAME.json and NAME.md.
 *
 *   const report = startReport('live-token', { versions: [packageVersion('nginx')] });
 *   report.metric({ metric: 'keep-alive, 1 token', unit: 'requests/s', ours, reference, bar: 0.85, stretch: 1 });
 *   report.metric({ metric: 'idle memory', unit: 'bytes', ours: [n], at_most: true, bar: …, stretch: … });
 *   report.end();
 *
 * With a reference the bar is about the ratio ours / reference; without one about ours. at_most: less is
 * better. ONLY=word leaves out what does not have the word in its name: ask report.wants(metric) before
 * measuring.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { root } from '../../lib/binary.mjs';
import { machine } from './machine.mjs';
import { median } from './rounds.mjs';

const ONLY = process.env.ONLY ?? '';
const dir = path.resolve(root, process.env.BUILD || 'build', 'bench');

const round = (n) => (n === null ? null : Number(n.toPrecision(4)));

function ratios(ours, reference) {
	const all = ours.map((n, i) => n / reference[i]);
	return { ratio_median: round(median(all)), ratio_min: round(Math.min(...all)), ratio_max: round(Math.max(...all)) };
}

function verdict({ value, bar, stretch, at_most: atMost }) {
	const reaches = (goal) => (atMost ? value <= goal : value >= goal);
	if (stretch !== undefined && reaches(stretch)) return 'stretch';
	if (bar !== undefined) return reaches(bar) ? 'bar' : 'below';
	return '';
}

function row(m) {
	const ratio = m.ratio_median === null ? '' : `${m.ratio_median} (${m.ratio_min}–${m.ratio_max})`;
	const goal = m.bar === undefined ? '' : `${m.at_most ? '≤' : '≥'} ${m.bar}${m.stretch === undefined ? '' : `; ${m.stretch}`}`;
	return `| ${m.metric} | ${m.ours} | ${m.reference ?? ''} | ${m.unit} | ${ratio} | ${goal} | ${m.reached} |`;
}

function markdown(name, facts, metrics) {
	const { cpu, cores, memory_gib: gib, system, node, commit, versions } = facts;
	return [
		`# ${name}`, '',
		`${cpu}, ${cores} cores, ${gib} GiB; ${system}; Node.js ${node}; valetkey ${commit}; ${versions.join(', ')}.`, '',
		'| metric | ours | reference | unit | ratio: median (min–max) | bar; stretch | reached |', '|---|---|---|---|---|---|---|',
		...metrics.map(row), '',
	].join('\n');
}

export function startReport(name, { versions = [] } = {}) {
	const facts = { ...machine(), versions };
	const metrics = [];
	return {
		wants: (metric) => metric.includes(ONLY),
		metric({ metric, unit = '', ours, reference, bar, stretch, at_most = false, notes }) {
			const ratio = reference ? ratios(ours, reference) : { ratio_median: null, ratio_min: null, ratio_max: null };
			const found = {
				bench: name, metric, ...ratio, ours: round(median(ours)), reference: reference ? round(median(reference)) : null,
				unit, bar, stretch, at_most, notes,
			};
			found.reached = verdict({ ...found, value: reference ? found.ratio_median : found.ours });
			metrics.push(found);
			console.log(JSON.stringify(found));
			return found;
		},
		end() {
			mkdirSync(dir, { recursive: true });
			const json = { bench: name, machine: facts, metrics };
			writeFileSync(path.join(dir, `${name}.json`), `${JSON.stringify(json, null, '\t')}\n`);
			writeFileSync(path.join(dir, `${name}.md`), markdown(name, facts, metrics));
			process.stderr.write(`${markdown(name, facts, metrics)}\n`);
		},
	};
}
