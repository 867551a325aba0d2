"""When words are said: made by forced alignment where the device gave no times, doubted where its times fit badly."""
