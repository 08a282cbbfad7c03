/*
 * ma_compress.h
 *		What <mysql/client_plugin.h> includes and some packages of Connector/C forget; where theirs is there, it comes first.
 */
#ifndef FDW_MYSQL_MA_COMPRESS_H
#define FDW_MYSQL_MA_COMPRESS_H

typedef void ma_compress_ctx;

#endif
