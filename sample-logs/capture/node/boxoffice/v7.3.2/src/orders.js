'use strict';

const { pool } = require('./db');

async function place(req, res) {
  const { event, seats, email } = req.body;
  const { rows } = await pool.query('insert into orders (event_id, seats, email) values ($1, $2, $3) returning id',
    [event, seats, email]);
  req.log.info({ order: rows[0].id, event }, 'order placed');
  res.status(201).json({ id: rows[0].id });
}

async function show(req, res) {
  const { rows } = await pool.query('select id, event_id, seats from orders where id = $1', [req.params.id]);
  if (rows.length === 0) return res.status(404).json({ error: 'no such order' });
  res.json(rows[0]);
}

module.exports = { place, show };
