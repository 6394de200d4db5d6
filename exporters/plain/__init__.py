"""What lies beside an exported core: plain scripts of numpy and one runtime, copied into the download as they stand."""
