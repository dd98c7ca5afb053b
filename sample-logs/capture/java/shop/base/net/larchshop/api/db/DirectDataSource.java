package net.larchshop.api.db;

import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.util.Properties;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.slf4j.MDC;

/** Opens a session for every unit of work; the session is named after the part of the service that asked for it. */
public final class DirectDataSource implements DataSource {
    private final String url;
    private final String user;
    private final String password;

    public DirectDataSource(String url, String user, String password) {
        this.url = url;
        this.user = user;
        this.password = password;
    }

    @Override
    public Connection getConnection() throws SQLException {
        Properties session = new Properties();
        session.setProperty("user", user);
        session.setProperty("password", password);
        session.setProperty("assumeMinServerVersion", "12");
        String module = MDC.get("module");
        session.setProperty("ApplicationName", module == null ? "shop-api" : "shop-api:" + module);
        return DriverManager.getConnection(url, session);
    }

    @Override
    public Connection getConnection(String otherUser, String otherPassword) throws SQLException {
        throw new SQLFeatureNotSupportedException("one database user only");
    }

    @Override public PrintWriter getLogWriter() { return null; }
    @Override public void setLogWriter(PrintWriter out) { }
    @Override public void setLoginTimeout(int seconds) { }
    @Override public int getLoginTimeout() { return 0; }
    @Override public Logger getParentLogger() throws SQLFeatureNotSupportedException { throw new SQLFeatureNotSupportedException(); }
    @Override public <T> T unwrap(Class<T> type) throws SQLException { throw new SQLException("not a wrapper"); }
    @Override public boolean isWrapperFor(Class<?> type) { return false; }
}
