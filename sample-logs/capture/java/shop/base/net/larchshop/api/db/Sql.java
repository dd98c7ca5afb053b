package net.larchshop.api.db;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.MDC;

/** Small helpers over JDBC: bind, run, read. Counts the statements of a request and can add its origin as a comment. */
public final class Sql {
    private static final boolean COMMENTS = Boolean.getBoolean("shop.db.comments");
    private static final ThreadLocal<int[]> statements = ThreadLocal.withInitial(() -> new int[1]);

    private Sql() { }

    public static List<Object[]> rows(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, values); ResultSet result = statement.executeQuery()) {
            int columns = result.getMetaData().getColumnCount();
            List<Object[]> rows = new ArrayList<>();
            while (result.next()) {
                Object[] row = new Object[columns];
                for (int i = 0; i < columns; i++) {
                    row[i] = result.getObject(i + 1);
                }
                rows.add(row);
            }
            return rows;
        }
    }

    public static Object[] first(Connection connection, String sql, Object... values) throws SQLException {
        List<Object[]> rows = rows(connection, sql, values);
        return rows.isEmpty() ? null : rows.get(0);
    }

    public static int update(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, values)) {
            return statement.executeUpdate();
        }
    }

    public static int takeStatementCount() {
        int count = statements.get()[0];
        statements.get()[0] = 0;
        return count;
    }

    private static PreparedStatement prepare(Connection connection, String sql, Object... values) throws SQLException {
        statements.get()[0]++;
        PreparedStatement statement = connection.prepareStatement(COMMENTS ? sql + origin() : sql);
        for (int i = 0; i < values.length; i++) {
            statement.setObject(i + 1, values[i]);
        }
        return statement;
    }

    private static String origin() {
        String route = MDC.get("route");
        return route == null ? "" : " /*controller='" + MDC.get("module") + "',request_id='" + MDC.get("request")
                + "',route='" + route.replace("/", "%2F").replace(" ", "%20") + "'*/";
    }
}
