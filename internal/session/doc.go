// Package session keeps the logins of browsers on the server. A store holds sealed values under hashed ids: who reads
// the database learns neither a token nor a cookie that would be one, nor who logged in.
//
// A [Store] is what memory, SQL databases and Redis implement, in the folders beside this file; sessiontest is the
// suite that each of them passes. A plugin does not use it directly but through a [Keeper], which seals and opens:
//
//	keeper, err := session.NewKeeper[login](env.Sessions, env.Seal, env.Audience, env.Now)
//	s, ok, err := keeper.Load(ctx, session.IDOf(cookie))
//	…
//	err = keeper.Save(ctx, s) // ErrConflict: another request refreshed it meanwhile; Load again
//
// Whose sessions these are, when they are refreshed and what is in them, the plugins know.
package session
