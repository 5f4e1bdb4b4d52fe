// A certificate for the names, signed by itself, made for one test.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export async function withCert(names, fn) {
	const dir = mkdtempSync(path.join(tmpdir(), 'cert-'));
	const cert = path.join(dir, 'cert.pem');
	const key = path.join(dir, 'key.pem');
	const sans = names.map((n) => (/^[0-9.]+$/.test(n) ? `IP:${n}` : `DNS:${n}`)).join(',');
	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
		'-subj', '/CN=test', '-addext', `subjectAltName=${sans}`, '-keyout', key, '-out', cert], { stdio: 'ignore' });
	try {
		await fn({ cert, key, dir });
	} finally {
		rmSync(dir, { recursive: true });
	}
}
