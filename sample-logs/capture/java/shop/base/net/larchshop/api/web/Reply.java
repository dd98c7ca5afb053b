package net.larchshop.api.web;

public final class Reply {
    public final int status;
    public final String body;

    public Reply(int status, String body) {
        this.status = status;
        this.body = body;
    }

    public static Reply found(Object[] row) {
        return row == null ? new Reply(404, "{\"error\":\"not found\"}") : new Reply(200, json(row));
    }

    public static String json(Object[] row) {
        StringBuilder out = new StringBuilder("[");
        for (int i = 0; i < row.length; i++) {
            out.append(i == 0 ? "" : ",");
            out.append(row[i] instanceof Number ? row[i].toString() : "\"" + row[i] + "\"");
        }
        return out.append("]").toString();
    }

    public static String json(Iterable<Object[]> rows) {
        StringBuilder out = new StringBuilder("[");
        for (Object[] row : rows) {
            out.append(out.length() == 1 ? "" : ",").append(json(row));
        }
        return out.append("]").toString();
    }
}
