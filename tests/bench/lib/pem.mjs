/* A certificate for 127.0.0.1 and its key, made for one run: { cert, key }, paths. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';

import { scratch } from './process.mjs';

export function makeCertificate() {
	const dir = scratch();
	const files = { cert: path.join(dir, 'cert.pem'), key: path.join(dir, 'key.pem') };
	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
		'-subj', '/CN=bench', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', files.key, '-out', files.cert], { stdio: 'ignore' });
	return files;
}
