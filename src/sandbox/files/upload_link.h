/* sandbox/files/upload_link.h - links by which somebody without a token uploads one file, once.
 *
 * files.stone, get_temporary_upload_link. The last part of a link's address is a sealed id: nobody makes
 * one up, and what it stands for (whose account, which CommitInfo, until when) is a row that goes when
 * the file is there. A link ends with the grant it was asked for with. */
#ifndef SANDBOX_FILES_UPLOAD_LINK_H
#define SANDBOX_FILES_UPLOAD_LINK_H

#include "http/message.h"

struct sandbox;

/* For the gate, before a byte of the body is asked for. Sets req->session to a struct caller. E_NOTFOUND
 * when the link is used up, has ended or was never one. */
MUST enum rc upload_link_admit(struct sandbox *s, struct ctx *cx, struct http_req *req);

#endif
