package net.larchshop.api;

/** Settings of one instance, read once from the system properties that the unit file passes. */
public final class Settings {
    public final String version = System.getProperty("shop.version", "dev");
    public final String httpHost = System.getProperty("shop.http.host", "127.0.0.1");
    public final int httpPort = Integer.getInteger("shop.http.port", 8080);
    public final String workDirectory = System.getProperty("shop.work", "work");
    public final String databaseUrl = System.getProperty("shop.db.url");
    public final String databaseUser = System.getProperty("shop.db.user", "shop");
    public final String databasePassword = System.getenv("SHOP_DB_PASSWORD");
    /** {@code hikari} for the bounded pool, {@code direct} for a session of its own for every unit of work. */
    public final String databaseMode = System.getProperty("shop.db.mode", "hikari");
    public final int poolSize = Integer.getInteger("shop.db.pool.size", 10);
    public final long poolWaitMillis = Long.getLong("shop.db.pool.wait", 30_000);
    public final long poolLifetimeMillis = Long.getLong("shop.db.pool.lifetime", 1_800_000);
    public final long leakThresholdMillis = Long.getLong("shop.db.pool.leak", 0);
    public final boolean catalogueCached = Boolean.getBoolean("shop.catalogue.cached");
    public final int cacheStatisticsSeconds = Integer.getInteger("shop.catalogue.statistics", 600);

    private Settings() { }

    public static Settings fromProperties() {
        return new Settings();
    }
}
