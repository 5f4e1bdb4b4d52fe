/*
 * oauth2-mock-server in its own process: node tests/bench/lib/mock-server.mjs PORT. It keeps nothing: any
 * refresh token and any code is one, and each reply is signed anew.
 */
import { OAuth2Server } from 'oauth2-mock-server';

const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
await server.start(Number(process.argv[2]), '127.0.0.1');
