/* run/commands.h - the commands that are not about one token: each is main() for its name. */
#ifndef RUN_COMMANDS_H
#define RUN_COMMANDS_H

int run_serve(int argc, char **argv);
int run_sandbox(int argc, char **argv);
int run_sandbox_env(int argc, char **argv);
int run_demo(int argc, char **argv);
int run_audit(int argc, char **argv);
int run_webhook(int argc, char **argv);
int run_passwd(int argc, char **argv);
int run_store(int argc, char **argv);
int run_backup(int argc, char **argv);
int run_restore(int argc, char **argv);
int run_routes(int argc, char **argv);

#endif
