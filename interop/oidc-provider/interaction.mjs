// The pages between the authorization request and its answer: who is it, and may the client know. No passwords.

import { people } from './people.mjs';

const page = (heading, form) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${heading}</title>
<h1>${heading}</h1>
<form method="post">
${form}
</form>
</html>`;

const button = (value, text) => `<button name="answer" value="${value}">${text}</button>`;

const pages = {
  login: () => page('Who are you?', Object.keys(people).map((sub) => button(sub, sub)).join('\n')),
  consent: () => page('May it know you?', button('allow', 'Allow') + button('deny', 'Deny')),
};

// The person's answer to one of the two pages, as what the provider makes of it.
async function resultOf(provider, { prompt, params, session, grantId }, answer) {
  if (answer === 'deny') {
    return { error: 'access_denied', error_description: 'the person said no' };
  }
  if (prompt.name === 'login') {
    return Object.hasOwn(people, answer) ? { login: { accountId: answer } } : {};
  }
  const known = grantId && (await provider.Grant.find(grantId));
  const grant = known ?? new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return { consent: { grantId: await grant.save() } };
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

// Answers requests to `/interaction/…`; true if this was one.
export async function interact(provider, request, response) {
  if (!request.url.startsWith('/interaction/')) return false;
  const details = await provider.interactionDetails(request, response);
  if (request.method === 'POST') {
    const answer = (await bodyOf(request)).get('answer');
    const result = await resultOf(provider, details, answer);
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
    return true;
  }
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(pages[details.prompt.name]());
  return true;
}
