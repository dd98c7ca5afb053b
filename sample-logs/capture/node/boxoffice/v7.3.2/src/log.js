'use strict';

const pino = require('pino');

const logger = pino({ level: process.env.LOG_LEVEL || 'debug' });

function requestLog(req, res, next) {
  const began = process.hrtime.bigint();
  req.log = logger.child({ reqId: req.get('x-request-id') });
  res.on('finish', () => {
    const responseTime = Number((process.hrtime.bigint() - began) / 1000000n);
    req.log.info({
      req: { method: req.method, url: req.originalUrl, remoteAddress: req.get('x-forwarded-for') },
      res: { statusCode: res.statusCode },
      responseTime,
    }, 'request completed');
  });
  next();
}

module.exports = { logger, requestLog };
