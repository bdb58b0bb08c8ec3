// A JavaScript reader of our tokens: Debian's node-jose (panva/jose). usage: node jose.mjs DIR WPT   (DIR as tests/tools/formats.c fills it)
// Prints what it read as JSON, and writes DIR/other.jwe, sealed to the key in DIR.
import {readFileSync, writeFileSync} from 'node:fs'
import * as jose from '/usr/share/nodejs/jose/dist/node/esm/index.js'

const [dir, wpt] = process.argv.slice(2)
const text = (name) => readFileSync(`${dir}/${name}`, 'utf8').trim()
const json = (name) => JSON.parse(text(name))
// This library takes no other use than "sig", and a SPIFFE bundle says "wit-svid".
const keys = (name) => ({keys: json(name).keys.map(({use, ...key}) => key)})
const verify = (token, set, options) => jose.jwtVerify(token, jose.createLocalJWKSet(keys(set)), options)

const wit = await verify(text('wit.jwt'), 'wit.jwks.json', {typ: 'wit+jwt', algorithms: ['ES256'], issuer: 'https://issuer.corp.example'})
const ear = await verify(text('attestation-result.jwt'), 'ear.jwks.json',
	{typ: 'eat+jwt', algorithms: ['ES256'], issuer: 'https://verifier.corp.example', audience: 'https://issuer.corp.example'})
const proof = await jose.jwtVerify(wpt, await jose.importJWK(wit.payload.cnf.jwk), {typ: 'wpt+jwt', algorithms: [wit.payload.cnf.jwk.alg]})
const wrap = json('wrap.key.jwk')
const opened = await jose.compactDecrypt(text('key.jwe'), await jose.importJWK(wrap, 'ECDH-ES+A256KW'),
	{keyManagementAlgorithms: ['ECDH-ES+A256KW'], contentEncryptionAlgorithms: ['A256GCM']})

const {d, ...open} = wrap
const party = (s) => new TextEncoder().encode(s)
const sealed = await new jose.CompactEncrypt(party('from JavaScript'))
	.setProtectedHeader({alg: 'ECDH-ES+A256KW', enc: 'A256GCM'})
	.setKeyManagementParameters({apu: party('https://issuer.corp.example'), apv: party('0123456789abcdef')})
	.encrypt(await jose.importJWK(open, 'ECDH-ES+A256KW'))
writeFileSync(`${dir}/other.jwe`, sealed)

const thumbprint = await jose.calculateJwkThumbprint(open)
console.log(JSON.stringify({wit: wit.payload, ear: ear.payload, wpt: proof.payload, opened: new TextDecoder().decode(opened.plaintext),
	keyFits: d !== undefined && thumbprint.length === 43}))
