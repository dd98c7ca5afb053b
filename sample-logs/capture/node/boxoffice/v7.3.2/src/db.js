'use strict';

const { Client, Pool } = require('pg');
const { logger } = require('./log');

const connection = { connectionString: process.env.DATABASE_URL };

const pool = new Pool({
  ...connection,
  application_name: 'boxoffice',
  max: 10,
  maxLifetimeSeconds: 60,
  connectionTimeoutMillis: 10000,
});
pool.on('error', (err) => logger.error({ err }, 'idle client failed'));

// Holding seats locks rows for a while; it has a connection of its own so that it never starves the pool.
async function seatSession(log) {
  const client = new Client({ ...connection, application_name: 'boxoffice-seats', connectionTimeoutMillis: 10000 });
  client.on('error', (err) => log.error({ err }, 'seat session failed'));
  await client.connect();
  log.debug({ pgPid: client.processID }, 'seat session opened');
  return client;
}

async function endSeatSession(client, log) {
  await client.end();
  log.debug({ pgPid: client.processID }, 'seat session closed');
}

module.exports = { pool, seatSession, endSeatSession };
