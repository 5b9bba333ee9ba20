// An identity provider that Vestibule's makers did not write: npm's `oidc-provider`, with three people and one client,
// everything in memory, on loopback. Vestibule's tests start it; see `host/tests/it/interop.rs`.
//
//   INTEROP_CLIENT_SECRET=… node server.mjs --redirect-uri http://localhost:8080/auth/oidc/callback
//
// It prints `listening on http://127.0.0.1:PORT`, which is its issuer, and ends when its standard input does. Its keys
// are new at each start.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import Provider from 'oidc-provider';

import { interact } from './interaction.mjs';
import { claims, findAccount } from './people.mjs';

const { values: options } = parseArgs({
  options: {
    // The one client.
    'client-id': { type: 'string', default: 'vestibule' },
    // Where it may have people sent back to.
    'redirect-uri': { type: 'string', multiple: true, default: [] },
    // How it proves itself: client_secret_basic or client_secret_post.
    'token-auth': { type: 'string', default: 'client_secret_basic' },
    // How its ID tokens are signed: RS256 or ES256.
    algorithm: { type: 'string', default: 'RS256' },
    // Puts all claims into the ID token, as many providers do; by the specification userinfo has them alone.
    'claims-in-id-token': { type: 'boolean', default: false },
    // 0 is a free one. A given one is for a second start at the same issuer.
    port: { type: 'string', default: '0' },
  },
});

function key(alg) {
  const { privateKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig' };
}

const configuration = {
  clients: [
    {
      client_id: options['client-id'],
      client_secret: process.env.INTEROP_CLIENT_SECRET ?? randomBytes(32).toString('hex'),
      redirect_uris: options['redirect-uri'],
      token_endpoint_auth_method: options['token-auth'],
      id_token_signed_response_alg: options.algorithm,
    },
  ],
  jwks: { keys: [key('RS256'), key('ES256')] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  claims,
  scopes: Object.keys(claims),
  conformIdTokenClaims: !options['claims-in-id-token'],
  findAccount,
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  features: { devInteractions: { enabled: false } },
  // The provider's own page asks another site for a font.
  renderError(context, { error, error_description: description }) {
    context.type = 'text/plain';
    context.body = `${error}: ${description}`;
  },
  pkce: { required: () => true },
};

const server = createServer();
server.listen(Number(options.port), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  // Why a request was refused: tests print it when they fail.
  for (const event of ['authorization.error', 'grant.error', 'userinfo.error', 'server_error']) {
    provider.on(event, (_context, error) => console.error(event, error.message, error.error_description ?? ''));
  }
  const answer = provider.callback();
  server.on('request', (request, response) => {
    interact(provider, request, response)
      .then((done) => done || answer(request, response))
      .catch((error) => {
        console.error(error);
        response.statusCode = 500;
        response.end('see the log');
      });
  });
  console.log(`listening on ${issuer}`);
});

process.stdin.resume().on('end', () => process.exit(0));
