package net.larchshop.api.db;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import javax.sql.DataSource;
import net.larchshop.api.Settings;

public final class Databases {
    private Databases() { }

    public static DataSource open(Settings settings) {
        if (settings.databaseMode.equals("direct")) {
            return new DirectDataSource(settings.databaseUrl, settings.databaseUser, settings.databasePassword);
        }
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(settings.databaseUrl);
        config.setUsername(settings.databaseUser);
        config.setPassword(settings.databasePassword);
        config.setPoolName("HikariPool-1");
        config.setMaximumPoolSize(settings.poolSize);
        config.setConnectionTimeout(settings.poolWaitMillis);
        config.setValidationTimeout(settings.poolWaitMillis);
        config.setMaxLifetime(settings.poolLifetimeMillis);
        config.setLeakDetectionThreshold(settings.leakThresholdMillis);
        return new HikariDataSource(config);
    }
}
