/* A style sheet is imported for its effect: esbuild gathers them into one file per site. */
declare module "*.css";
