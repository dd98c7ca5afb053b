'use strict';
// The private truth journal of a Node application: every database session's start and end, and the request that began it.
// Loaded with `node --require`, never by the application; written to TRUTH_JOURNAL, outside the logs.

const { AsyncLocalStorage } = require('node:async_hooks');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const sink = fs.openSync(process.env.TRUTH_JOURNAL, 'a');
const context = new AsyncLocalStorage();
const note = (values) => fs.writeSync(sink, JSON.stringify({ t: Date.now() / 1000, pid: process.pid, ...values }) + '\n');

const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (name, req, ...rest) {
  if (name !== 'request') return emit.call(this, name, req, ...rest);
  const where = { rid: req.headers['x-request-id'], method: req.method, path: req.url };
  rest[0].on('close', () => note({ event: 'request_end', ...where, status: rest[0].statusCode }));
  return context.run(where, () => emit.call(this, name, req, ...rest));
};

const { Client } = require(require.resolve('pg', { paths: [path.resolve('.')] }));
const connect = Client.prototype.connect;
Client.prototype.connect = function (...rest) {
  const where = context.getStore() || {};
  const app = this.connectionParameters.application_name;
  this.once('connect', () => note({ event: 'open', session: `pg_pid:${this.processID}`, app, ...where }));
  this.once('end', () => note({ event: 'close', session: `pg_pid:${this.processID}`, app, ...where }));
  return connect.apply(this, rest);
};
