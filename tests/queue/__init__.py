# noqa: A005 - a folder of tests; nothing imports it as `queue`
