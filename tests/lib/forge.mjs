/* Other programs, and what a thief of the sandbox's CA key could make with them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

/* { code, out } of another program; code 0 when it was content. */
export function tool(program, args, env = {}) {
	return new Promise((resolve) => {
		execFile(program, args, { env: { PATH: process.env.PATH, ...env } }, (e, out, err) => {
			resolve({ code: e ? (e.code ?? -1) : 0, out: out + err });
		});
	});
}

/* A leaf that whoever stole the CA's key would sign: with openssl, not with our code. */
/* dir: an empty directory for its files. -> paths { cert, key } */
export async function forge(data, dir, subject, extensions) {
	const [key, csr, cert, ext] = ['key.pem', 'csr.pem', 'cert.pem', 'ext'].map((n) => path.join(dir, n));
	writeFileSync(ext, extensions.join('\n'));
	await tool('openssl', ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
		'-keyout', key, '-subj', subject, '-out', csr]);
	const made = await tool('openssl', ['x509', '-req', '-in', csr, '-days', '10', '-CA', `${data}/ca.pem`,
		'-CAkey', `${data}/ca-key.pem`, '-CAcreateserial', '-CAserial', path.join(dir, 'serial'), '-extfile', ext,
		'-out', cert]);
	assert.equal(made.code, 0, made.out);
	return { cert, key };
}
