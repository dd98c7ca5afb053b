'use strict';

const { seatSession, endSeatSession } = require('./db');

async function holdSeats(req, res) {
  const { block, count } = req.body;
  const client = await seatSession(req.log);
  try {
    await client.query('begin');
    const found = await client.query(
      "select id from seats where event_id = $1 and block = $2 and state = 'free' order by id limit $3 for update skip locked",
      [req.params.id, block, count]);
    if (found.rows.length < count) {
      await client.query('rollback');
      req.log.info({ event: req.params.id, block, count }, 'not enough seats together');
      return res.status(409).json({ error: 'not enough seats together in this block' });
    }
    const ids = found.rows.map((seat) => seat.id);
    await client.query("update seats set state = 'held' where id = any($1)", [ids]);
    await client.query('commit');
    return res.status(201).json({ event: req.params.id, seats: ids });
  } finally {
    await endSeatSession(client, req.log);
  }
}

module.exports = { holdSeats };
