'use strict';

const { pool } = require('./db');

async function frontPage(req, res) {
  const { rows } = await pool.query('select id, name, starts_on from events order by starts_on limit 20');
  res.json({ events: rows });
}

async function show(req, res) {
  const { rows } = await pool.query('select id, name, starts_on from events where id = $1', [req.params.id]);
  if (rows.length === 0) return res.status(404).json({ error: 'no such event' });
  res.json(rows[0]);
}

async function seatMap(req, res) {
  const { rows } = await pool.query(
    "select block, count(*) filter (where state = 'free') as free, count(*) as seats from seats where event_id = $1 group by block",
    [req.params.id]);
  res.json({ event: req.params.id, blocks: rows });
}

async function poster(req, res) {
  const { rows } = await pool.query('select name, starts_on from events where id = $1', [req.params.id]);
  const sizes = { small: 200, large: 800 };
  const width = sizes[req.query.size || 'small'].toFixed(0);
  res.json({ title: rows[0].name, width });
}

module.exports = { frontPage, show, seatMap, poster };
