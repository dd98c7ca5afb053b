"""JSON lines: time, level, logger, message, process, thread, request id."""
import contextvars
import datetime
import json
import logging
import sys

request_id = contextvars.ContextVar("request_id", default=None)


class JsonLines(logging.Formatter):
    def format(self, record):
        moment = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        line = {"timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "level": record.levelname.lower(),
                "logger": record.name, "message": record.getMessage(), "pid": record.process, "thread": record.threadName}
        if request_id.get():
            line["request_id"] = request_id.get()
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure():
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("sqlalchemy.pool").setLevel(logging.DEBUG)
