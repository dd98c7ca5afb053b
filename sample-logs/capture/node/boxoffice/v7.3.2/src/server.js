'use strict';

const express = require('express');
const { logger, requestLog } = require('./log');
const events = require('./events');
const seats = require('./seats');
const orders = require('./orders');
const { pool } = require('./db');

const app = express();
app.use(express.json());
app.get('/livez', (req, res) => res.json({ status: 'ok' }));
app.use(requestLog);

app.get('/', events.frontPage);
app.get('/events/:id', events.show);
app.get('/events/:id/seats', events.seatMap);
app.get('/events/:id/poster', events.poster);
app.post('/events/:id/holds', seats.holdSeats);
app.post('/orders', orders.place);
app.get('/orders/:id', orders.show);

app.use((err, req, res, next) => {
  req.log.error({ err, req: { method: req.method, url: req.originalUrl } }, 'request failed');
  if (!res.headersSent) res.status(500).json({ error: 'internal error' });
});

setInterval(() => {
  logger.info({ pool: { total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount } }, 'pool');
}, 60000).unref();

const [host, port] = process.env.LISTEN.split(':');
const server = app.listen(Number(port), host, () => logger.info({ listen: process.env.LISTEN }, 'boxoffice started'));

process.on('SIGTERM', () => {
  logger.info('stopping');
  server.close(() => process.exit(0));
  setTimeout(() => process.exit(0), 5000).unref();
});
